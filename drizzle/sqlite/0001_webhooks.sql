CREATE TABLE `webhook_deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`outbox_id` text NOT NULL,
	`webhook_id` text NOT NULL,
	`attempt` integer NOT NULL,
	`status` integer,
	`error` text,
	`duration_ms` integer NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_outbox_ix` ON `webhook_deliveries` (`outbox_id`,`attempt`);--> statement-breakpoint
CREATE INDEX `webhook_deliveries_webhook_ix` ON `webhook_deliveries` (`webhook_id`);--> statement-breakpoint
CREATE INDEX `webhook_deliveries_age_ix` ON `webhook_deliveries` (`at`);--> statement-breakpoint
CREATE TABLE `webhook_lanes` (
	`lane` text PRIMARY KEY NOT NULL,
	`webhook_id` text NOT NULL,
	`claim` text,
	`due_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `webhook_lanes_due_ix` ON `webhook_lanes` (`webhook_id`,`due_at`);--> statement-breakpoint
CREATE TABLE `webhook_outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`webhook_id` text NOT NULL,
	`user_id` integer NOT NULL,
	`account_id` text,
	`session_id` text,
	`lane` text NOT NULL,
	`seq` integer NOT NULL,
	`activity_id` text NOT NULL,
	`event` text NOT NULL,
	`state` text NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`tries` integer DEFAULT 0 NOT NULL,
	`refusals` integer DEFAULT 0 NOT NULL,
	`give_up_at` integer NOT NULL,
	`next_attempt_at` integer,
	`last_status` integer,
	`last_error` text,
	`last_attempt_at` integer,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `webhook_outbox_lane_ix` ON `webhook_outbox` (`lane`,`state`,`seq`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_outbox_list_ix` ON `webhook_outbox` (`webhook_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_outbox_state_ix` ON `webhook_outbox` (`webhook_id`,`state`,`created_at`);--> statement-breakpoint
CREATE INDEX `webhook_outbox_age_ix` ON `webhook_outbox` (`created_at`);--> statement-breakpoint
CREATE TABLE `webhooks` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`session_id` text,
	`url` text NOT NULL,
	`events` text NOT NULL,
	`status` text NOT NULL,
	`secret` text NOT NULL,
	`previous_secret` text,
	`previous_secret_expires_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `webhooks_user_ix` ON `webhooks` (`user_id`,`created_at`,`id`);