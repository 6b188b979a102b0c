ALTER TABLE `whatsapp_accounts` ADD `breaker_until` bigint;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `breaker_code` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `breaker_trips` int DEFAULT 0 NOT NULL;