CREATE TABLE `wa_chat_states` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`chat` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`archived` tinyint,
	`pinned` tinyint,
	`muted_until` bigint,
	`marked_unread` tinyint,
	`changed_at` bigint NOT NULL,
	CONSTRAINT `wa_chat_states_account_id_chat_pk` PRIMARY KEY(`account_id`,`chat`)
);
--> statement-breakpoint
CREATE TABLE `wa_label_uses` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`label` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`chat` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`message_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`changed_at` bigint NOT NULL,
	CONSTRAINT `wa_label_uses_account_id_label_chat_message_id_pk` PRIMARY KEY(`account_id`,`label`,`chat`,`message_id`)
);
--> statement-breakpoint
CREATE TABLE `wa_labels` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`label` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`name` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`color` int NOT NULL,
	`deleted` tinyint NOT NULL,
	`changed_at` bigint NOT NULL,
	CONSTRAINT `wa_labels_account_id_label_pk` PRIMARY KEY(`account_id`,`label`)
);
--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `app_state_versions` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
CREATE INDEX `wa_label_uses_chat_ix` ON `wa_label_uses` (`account_id`,`chat`);