CREATE TABLE `sender_pools` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`name` text NOT NULL,
	`sessions` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sender_pools_name_uq` ON `sender_pools` (`user_id`,`name`);--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `label` text;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `senders` text;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `pool_id` text;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `feeder_id` text;