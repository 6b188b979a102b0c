CREATE TABLE `factor_challenges` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`step` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`challenge` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`version` int NOT NULL,
	`created_at` bigint NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `factor_challenges_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `password_resets` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`workspace_id` int,
	`created_by` int,
	`version` int NOT NULL,
	`created_at` bigint NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `password_resets_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `recovery_codes` (
	`user_id` int NOT NULL,
	`hash` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`created_at` bigint NOT NULL,
	CONSTRAINT `recovery_codes_user_id_hash_pk` PRIMARY KEY(`user_id`,`hash`)
);
--> statement-breakpoint
CREATE TABLE `second_factors` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`name` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`secret` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`credential_id` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`public_key` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`transports` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`counter` bigint NOT NULL DEFAULT 0,
	`confirmed_at` bigint,
	`created_at` bigint NOT NULL,
	`last_used_at` bigint,
	CONSTRAINT `second_factors_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `sign_ins` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`user_agent` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`ip` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`proven_at` bigint,
	`created_at` bigint NOT NULL,
	`last_seen_at` bigint NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `sign_ins_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `mail_outbox` ADD `reset_id` char(32) CHARACTER SET ascii COLLATE ascii_bin;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `require_second_factor` tinyint DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `factor_challenges_expiry_ix` ON `factor_challenges` (`expires_at`);--> statement-breakpoint
CREATE INDEX `password_resets_user_ix` ON `password_resets` (`user_id`);--> statement-breakpoint
CREATE INDEX `password_resets_expiry_ix` ON `password_resets` (`expires_at`);--> statement-breakpoint
CREATE INDEX `second_factors_user_ix` ON `second_factors` (`user_id`,`kind`);--> statement-breakpoint
CREATE INDEX `sign_ins_user_ix` ON `sign_ins` (`user_id`,`last_seen_at`);--> statement-breakpoint
CREATE INDEX `sign_ins_expiry_ix` ON `sign_ins` (`expires_at`);