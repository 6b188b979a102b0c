CREATE TABLE `identities` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`provider` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`issuer` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`subject` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`email` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`created_at` bigint NOT NULL,
	`last_used_at` bigint NOT NULL,
	CONSTRAINT `identities_id` PRIMARY KEY(`id`),
	CONSTRAINT `identities_subject_uq` UNIQUE(`issuer`,`subject`)
);
--> statement-breakpoint
CREATE TABLE `workspace_domain_joins` (
	`workspace_id` int NOT NULL,
	`user_id` int NOT NULL,
	`at` bigint NOT NULL,
	CONSTRAINT `workspace_domain_joins_workspace_id_user_id_pk` PRIMARY KEY(`workspace_id`,`user_id`)
);
--> statement-breakpoint
CREATE TABLE `workspace_domains` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`workspace_id` int NOT NULL,
	`domain` varchar(253) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`role` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`proof` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`proven_domain` varchar(253) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`proven_by` varchar(32) CHARACTER SET ascii COLLATE ascii_bin,
	`created_at` bigint NOT NULL,
	`checked_at` bigint,
	CONSTRAINT `workspace_domains_id` PRIMARY KEY(`id`),
	CONSTRAINT `workspace_domains_uq` UNIQUE(`workspace_id`,`domain`),
	CONSTRAINT `workspace_domains_proven_uq` UNIQUE(`proven_domain`)
);
--> statement-breakpoint
CREATE INDEX `identities_user_ix` ON `identities` (`user_id`);