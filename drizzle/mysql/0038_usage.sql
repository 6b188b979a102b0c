CREATE TABLE `plans` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`name` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`limits` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `plans_id` PRIMARY KEY(`id`),
	CONSTRAINT `plans_name_uq` UNIQUE(`name`)
);
--> statement-breakpoint
CREATE TABLE `usage_counts` (
	`user_id` int NOT NULL,
	`period` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`kind` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`engine` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`category` varchar(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`count` bigint NOT NULL,
	`warned_percent` int NOT NULL DEFAULT 0,
	CONSTRAINT `usage_counts_user_id_period_session_id_kind_engine_category_pk` PRIMARY KEY(`user_id`,`period`,`session_id`,`kind`,`engine`,`category`)
);
--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `suspended_at` bigint;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `plan_id` char(32) CHARACTER SET ascii COLLATE ascii_bin;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `limits` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `suspended_at` bigint;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `suspend_reason` varchar(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
CREATE INDEX `usage_counts_period_ix` ON `usage_counts` (`period`);