CREATE TABLE `first_contacts` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`person` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`at` bigint NOT NULL,
	`attempt_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	CONSTRAINT `first_contacts_account_id_person_pk` PRIMARY KEY(`account_id`,`person`)
);
--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `restricted_until` bigint;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `restriction` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `new_chat_cap` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `linked_at` bigint;--> statement-breakpoint
CREATE INDEX `first_contacts_at_ix` ON `first_contacts` (`account_id`,`at`);--> statement-breakpoint
CREATE INDEX `first_contacts_old_ix` ON `first_contacts` (`at`);--> statement-breakpoint
CREATE INDEX `accounts_restricted_ix` ON `whatsapp_accounts` (`restricted_until`);