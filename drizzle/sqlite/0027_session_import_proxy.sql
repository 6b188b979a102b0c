ALTER TABLE `whatsapp_accounts` ADD `imported_at` integer;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `proxy` text;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `browser` text;