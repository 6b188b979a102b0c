CREATE TABLE `wa_chats` (
	`account_id` text NOT NULL,
	`chat` text NOT NULL,
	`expiration` integer NOT NULL,
	`expiration_set_at` integer,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `chat`)
);
