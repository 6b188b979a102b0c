CREATE TABLE `media_sources` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`key_id` varchar(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`sealed` mediumblob NOT NULL,
	CONSTRAINT `media_sources_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `poll_votes` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`poll_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`voter` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`options` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`voted_at` bigint NOT NULL,
	CONSTRAINT `poll_votes_account_id_poll_id_voter_pk` PRIMARY KEY(`account_id`,`poll_id`,`voter`)
);
--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `reject_calls` tinyint DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `call_text` varchar(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `auto_read_from` bigint;--> statement-breakpoint
ALTER TABLE `inbound_media` ADD `media_id` char(32) CHARACTER SET ascii COLLATE ascii_bin;--> statement-breakpoint
CREATE INDEX `poll_votes_voted_ix` ON `poll_votes` (`voted_at`);