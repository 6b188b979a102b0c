CREATE TABLE `api_request_bodies` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`request` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`response` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	CONSTRAINT `api_request_bodies_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `api_requests` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`method` varchar(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`route` varchar(160) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`path` varchar(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` int NOT NULL,
	`duration_ms` int NOT NULL,
	`error_code` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`via` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`key_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`actor_id` int NOT NULL,
	`request_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`message_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`at` bigint NOT NULL,
	CONSTRAINT `api_requests_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `workspaces` ADD `request_bodies` tinyint;--> statement-breakpoint
CREATE INDEX `api_request_bodies_user_ix` ON `api_request_bodies` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `api_requests_user_ix` ON `api_requests` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `api_requests_message_ix` ON `api_requests` (`user_id`,`message_id`);--> statement-breakpoint
CREATE INDEX `api_requests_request_ix` ON `api_requests` (`user_id`,`request_id`);--> statement-breakpoint
CREATE INDEX `webhook_outbox_activity_ix` ON `webhook_outbox` (`activity_id`);