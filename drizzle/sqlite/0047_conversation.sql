ALTER TABLE `messages` ADD `source` text;--> statement-breakpoint
ALTER TABLE `messages` ADD `original` text;--> statement-breakpoint
ALTER TABLE `messages` ADD `amended_by` text;--> statement-breakpoint
ALTER TABLE `messages` ADD `edited_at` integer;--> statement-breakpoint
ALTER TABLE `messages` ADD `revoked_at` integer;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `recall_at` integer;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `recall_cursor` text;