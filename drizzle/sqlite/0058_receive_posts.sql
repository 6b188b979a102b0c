ALTER TABLE `whatsapp_accounts` ADD `receive_status` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `receive_channels` integer DEFAULT false NOT NULL;