CREATE TABLE `first_contacts` (
	`account_id` text NOT NULL,
	`person` text NOT NULL,
	`at` integer NOT NULL,
	`attempt_id` text,
	PRIMARY KEY(`account_id`, `person`)
);
--> statement-breakpoint
CREATE INDEX `first_contacts_at_ix` ON `first_contacts` (`account_id`,`at`);--> statement-breakpoint
CREATE INDEX `first_contacts_old_ix` ON `first_contacts` (`at`);--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `restricted_until` integer;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `restriction` text;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `new_chat_cap` text;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `linked_at` integer;--> statement-breakpoint
CREATE INDEX `accounts_restricted_ix` ON `whatsapp_accounts` (`restricted_until`);