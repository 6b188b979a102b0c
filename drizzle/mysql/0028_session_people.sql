CREATE TABLE `wa_people` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`jid` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`name` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`has_chat` tinyint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `wa_people_account_id_jid_pk` PRIMARY KEY(`account_id`,`jid`)
);
