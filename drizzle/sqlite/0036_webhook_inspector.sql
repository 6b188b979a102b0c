CREATE TABLE `webhook_replays` (
	`id` text PRIMARY KEY NOT NULL,
	`webhook_id` text NOT NULL,
	`active_key` text,
	`user_id` integer NOT NULL,
	`session_id` text,
	`state` text NOT NULL,
	`since` integer NOT NULL,
	`until` integer NOT NULL,
	`found` integer,
	`replayed` integer DEFAULT 0 NOT NULL,
	`position_at` integer,
	`position_id` text,
	`window` text NOT NULL,
	`version` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `webhook_replays_active_uq` ON `webhook_replays` (`active_key`);--> statement-breakpoint
CREATE INDEX `webhook_replays_list_ix` ON `webhook_replays` (`webhook_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_replays_age_ix` ON `webhook_replays` (`created_at`);--> statement-breakpoint
DROP INDEX `webhook_deliveries_webhook_ix`;--> statement-breakpoint
ALTER TABLE `webhook_deliveries` ADD `request_headers` text;--> statement-breakpoint
ALTER TABLE `webhook_deliveries` ADD `request_body` text;--> statement-breakpoint
ALTER TABLE `webhook_deliveries` ADD `response_body` text;--> statement-breakpoint
CREATE INDEX `webhook_deliveries_recent_ix` ON `webhook_deliveries` (`webhook_id`,`at`,`status`);--> statement-breakpoint
ALTER TABLE `webhook_outbox` ADD `kept_body` text;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `headers` text;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `header_names` text;