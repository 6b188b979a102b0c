CREATE TABLE `ended_tokens` (
	`digest` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`user_id` int NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `ended_tokens_digest` PRIMARY KEY(`digest`)
);
--> statement-breakpoint
CREATE TABLE `known_networks` (
	`user_id` int NOT NULL,
	`network` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`last_seen_at` bigint NOT NULL,
	CONSTRAINT `known_networks_user_id_network_pk` PRIMARY KEY(`user_id`,`network`)
);
--> statement-breakpoint
CREATE TABLE `quota_holds` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `quota_holds_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `users` ADD `links_from` bigint;--> statement-breakpoint
CREATE INDEX `ended_tokens_expiry_ix` ON `ended_tokens` (`expires_at`);--> statement-breakpoint
CREATE INDEX `known_networks_seen_ix` ON `known_networks` (`last_seen_at`);--> statement-breakpoint
CREATE INDEX `quota_holds_user_ix` ON `quota_holds` (`user_id`,`kind`,`expires_at`);--> statement-breakpoint
CREATE INDEX `quota_holds_expiry_ix` ON `quota_holds` (`expires_at`);--> statement-breakpoint
CREATE INDEX `media_usage_ix` ON `media` (`user_id`,`kind`,`size`);