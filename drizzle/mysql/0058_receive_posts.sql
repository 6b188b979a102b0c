ALTER TABLE `whatsapp_accounts` ADD `receive_status` tinyint DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `receive_channels` tinyint DEFAULT false NOT NULL;