CREATE TABLE `media` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`account_id` text,
	`session_id` text,
	`kind` text NOT NULL,
	`sha256` text NOT NULL,
	`mimetype` text NOT NULL,
	`size` integer NOT NULL,
	`filename` text,
	`storage_key` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `media_content_ix` ON `media` (`user_id`,`sha256`);--> statement-breakpoint
CREATE INDEX `media_expiry_ix` ON `media` (`expires_at`);--> statement-breakpoint
CREATE TABLE `number_checks` (
	`key` text PRIMARY KEY NOT NULL,
	`registered` integer NOT NULL,
	`jid` text,
	`lid` text,
	`checked_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `number_checks_expiry_ix` ON `number_checks` (`expires_at`);