CREATE TABLE `group_notices` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`notice` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`at` bigint NOT NULL,
	CONSTRAINT `group_notices_account_id_notice_pk` PRIMARY KEY(`account_id`,`notice`)
);
--> statement-breakpoint
CREATE INDEX `group_notices_at_ix` ON `group_notices` (`at`);