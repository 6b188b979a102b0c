CREATE TABLE `webhook_deliveries` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`outbox_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`webhook_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`attempt` int NOT NULL,
	`status` int,
	`error` varchar(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`duration_ms` int NOT NULL,
	`at` bigint NOT NULL,
	CONSTRAINT `webhook_deliveries_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `webhook_lanes` (
	`lane` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`webhook_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`claim` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`due_at` bigint NOT NULL,
	CONSTRAINT `webhook_lanes_lane` PRIMARY KEY(`lane`)
);
--> statement-breakpoint
CREATE TABLE `webhook_outbox` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`webhook_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`lane` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`seq` bigint NOT NULL,
	`activity_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`event` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`state` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`attempts` int NOT NULL DEFAULT 0,
	`tries` int NOT NULL DEFAULT 0,
	`refusals` int NOT NULL DEFAULT 0,
	`give_up_at` bigint NOT NULL,
	`next_attempt_at` bigint,
	`last_status` int,
	`last_error` varchar(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`last_attempt_at` bigint,
	`created_at` bigint NOT NULL,
	CONSTRAINT `webhook_outbox_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `webhooks` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`url` varchar(2048) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`events` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`secret` varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`previous_secret` varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`previous_secret_expires_at` bigint,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `webhooks_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_outbox_ix` ON `webhook_deliveries` (`outbox_id`,`attempt`);--> statement-breakpoint
CREATE INDEX `webhook_deliveries_webhook_ix` ON `webhook_deliveries` (`webhook_id`);--> statement-breakpoint
CREATE INDEX `webhook_deliveries_age_ix` ON `webhook_deliveries` (`at`);--> statement-breakpoint
CREATE INDEX `webhook_lanes_due_ix` ON `webhook_lanes` (`webhook_id`,`due_at`);--> statement-breakpoint
CREATE INDEX `webhook_outbox_lane_ix` ON `webhook_outbox` (`lane`,`state`,`seq`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_outbox_list_ix` ON `webhook_outbox` (`webhook_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_outbox_state_ix` ON `webhook_outbox` (`webhook_id`,`state`,`created_at`);--> statement-breakpoint
CREATE INDEX `webhook_outbox_age_ix` ON `webhook_outbox` (`created_at`);--> statement-breakpoint
CREATE INDEX `webhooks_user_ix` ON `webhooks` (`user_id`,`created_at`,`id`);