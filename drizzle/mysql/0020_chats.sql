CREATE TABLE `wa_chats` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`chat` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`expiration` int NOT NULL,
	`expiration_set_at` bigint,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `wa_chats_account_id_chat_pk` PRIMARY KEY(`account_id`,`chat`)
);
