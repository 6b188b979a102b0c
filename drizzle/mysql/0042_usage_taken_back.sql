ALTER TABLE `campaign_recipients` ADD `counted_as` varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `usage_counts` ADD `warned_limit` bigint;