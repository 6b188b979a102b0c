ALTER TABLE `campaign_recipients` ADD `counted_as` text;--> statement-breakpoint
ALTER TABLE `usage_counts` ADD `warned_limit` integer;