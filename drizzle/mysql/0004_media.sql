CREATE TABLE `media` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`sha256` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`mimetype` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`size` bigint NOT NULL,
	`filename` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`storage_key` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`created_at` bigint NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `media_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `number_checks` (
	`key` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`registered` tinyint NOT NULL,
	`jid` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`lid` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`checked_at` bigint NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `number_checks_key` PRIMARY KEY(`key`)
);
--> statement-breakpoint
CREATE INDEX `media_content_ix` ON `media` (`user_id`,`sha256`);--> statement-breakpoint
CREATE INDEX `media_expiry_ix` ON `media` (`expires_at`);--> statement-breakpoint
CREATE INDEX `number_checks_expiry_ix` ON `number_checks` (`expires_at`);