CREATE TABLE `audit_entries` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`event` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`subject` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`actor_id` int NOT NULL,
	`ip` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`user_agent` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`request_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`data` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`at` bigint NOT NULL,
	CONSTRAINT `audit_entries_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `audit_user_ix` ON `audit_entries` (`user_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_actor_ix` ON `audit_entries` (`user_id`,`actor_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_at_ix` ON `audit_entries` (`at`);