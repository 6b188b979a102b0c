CREATE TABLE `wa_chat_states` (
	`account_id` text NOT NULL,
	`chat` text NOT NULL,
	`archived` integer,
	`pinned` integer,
	`muted_until` integer,
	`marked_unread` integer,
	`changed_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `chat`)
);
--> statement-breakpoint
CREATE TABLE `wa_label_uses` (
	`account_id` text NOT NULL,
	`label` text NOT NULL,
	`chat` text NOT NULL,
	`message_id` text NOT NULL,
	`changed_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `label`, `chat`, `message_id`)
);
--> statement-breakpoint
CREATE INDEX `wa_label_uses_chat_ix` ON `wa_label_uses` (`account_id`,`chat`);--> statement-breakpoint
CREATE TABLE `wa_labels` (
	`account_id` text NOT NULL,
	`label` text NOT NULL,
	`name` text NOT NULL,
	`color` integer NOT NULL,
	`deleted` integer NOT NULL,
	`changed_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `label`)
);
--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `app_state_versions` text;