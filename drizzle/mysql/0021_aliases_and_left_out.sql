CREATE TABLE `wa_aliases` (
	`user_id` int NOT NULL,
	`alias` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`lid` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `wa_aliases_user_id_alias_pk` PRIMARY KEY(`user_id`,`alias`)
);
--> statement-breakpoint
ALTER TABLE `messages` ADD `left_out` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
CREATE INDEX `wa_aliases_phone_ix` ON `wa_aliases` (`user_id`,`phone`);