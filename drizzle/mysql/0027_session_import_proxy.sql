ALTER TABLE `whatsapp_accounts` ADD `imported_at` bigint;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `proxy` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `browser` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;