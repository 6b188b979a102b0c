CREATE TABLE `wa_people` (
	`account_id` text NOT NULL,
	`jid` text NOT NULL,
	`name` text,
	`has_chat` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `jid`)
);
