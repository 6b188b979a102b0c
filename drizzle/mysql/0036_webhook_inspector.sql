CREATE TABLE `webhook_replays` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`webhook_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`active_key` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`user_id` int NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`state` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`since` bigint NOT NULL,
	`until` bigint NOT NULL,
	`found` int,
	`replayed` int NOT NULL DEFAULT 0,
	`position_at` bigint,
	`position_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`window` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`version` int NOT NULL DEFAULT 0,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `webhook_replays_id` PRIMARY KEY(`id`),
	CONSTRAINT `webhook_replays_active_uq` UNIQUE(`active_key`)
);
--> statement-breakpoint
DROP INDEX `webhook_deliveries_webhook_ix` ON `webhook_deliveries`;--> statement-breakpoint
ALTER TABLE `webhook_deliveries` ADD `request_headers` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `webhook_deliveries` ADD `request_body` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `webhook_deliveries` ADD `response_body` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `webhook_outbox` ADD `kept_body` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `headers` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `header_names` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
CREATE INDEX `webhook_replays_list_ix` ON `webhook_replays` (`webhook_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_replays_age_ix` ON `webhook_replays` (`created_at`);--> statement-breakpoint
CREATE INDEX `webhook_deliveries_recent_ix` ON `webhook_deliveries` (`webhook_id`,`at`,`status`);