CREATE TABLE `inbound_media` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`key_id` varchar(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`sealed` mediumblob NOT NULL,
	`attempts` int NOT NULL DEFAULT 0,
	`claimed_by` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`next_attempt_at` bigint NOT NULL,
	`give_up_at` bigint NOT NULL,
	CONSTRAINT `inbound_media_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `inbound_media_due_ix` ON `inbound_media` (`next_attempt_at`);