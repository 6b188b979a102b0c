ALTER TABLE `messages` ADD `source` varchar(32) CHARACTER SET ascii COLLATE ascii_bin;--> statement-breakpoint
ALTER TABLE `messages` ADD `original` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `messages` ADD `amended_by` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `messages` ADD `edited_at` bigint;--> statement-breakpoint
ALTER TABLE `messages` ADD `revoked_at` bigint;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `recall_at` bigint;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `recall_cursor` char(32) CHARACTER SET ascii COLLATE ascii_bin;