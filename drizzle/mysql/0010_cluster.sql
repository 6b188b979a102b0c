CREATE TABLE `session_commands` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`owner` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`verb` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`input` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`state` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`result` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`deadline_at` bigint NOT NULL,
	CONSTRAINT `session_commands_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `wake_ups` (
	`owner` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`created_at` bigint NOT NULL,
	CONSTRAINT `wake_ups_owner_account_id_pk` PRIMARY KEY(`owner`,`account_id`)
);
--> statement-breakpoint
CREATE INDEX `session_commands_owner_ix` ON `session_commands` (`owner`,`state`,`id`);--> statement-breakpoint
CREATE INDEX `session_commands_deadline_ix` ON `session_commands` (`deadline_at`);--> statement-breakpoint
CREATE INDEX `wake_ups_created_ix` ON `wake_ups` (`created_at`);