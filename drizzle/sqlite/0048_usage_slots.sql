CREATE TABLE `__new_usage_counts` (
	`user_id` integer NOT NULL,
	`period` text NOT NULL,
	`session_id` text NOT NULL,
	`kind` text NOT NULL,
	`engine` text NOT NULL,
	`category` text NOT NULL,
	`slot` integer DEFAULT 0 NOT NULL,
	`count` integer NOT NULL,
	`warned_percent` integer DEFAULT 0 NOT NULL,
	`warned_limit` integer,
	PRIMARY KEY(`user_id`, `period`, `session_id`, `kind`, `engine`, `category`, `slot`)
);
--> statement-breakpoint
INSERT INTO `__new_usage_counts`("user_id", "period", "session_id", "kind", "engine", "category", "slot", "count", "warned_percent", "warned_limit") SELECT "user_id", "period", "session_id", "kind", "engine", "category", 0, "count", "warned_percent", "warned_limit" FROM `usage_counts`;--> statement-breakpoint
DROP TABLE `usage_counts`;--> statement-breakpoint
ALTER TABLE `__new_usage_counts` RENAME TO `usage_counts`;--> statement-breakpoint
CREATE INDEX `usage_counts_period_ix` ON `usage_counts` (`period`);