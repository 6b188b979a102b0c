CREATE TABLE `identities` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`provider` text NOT NULL,
	`issuer` text NOT NULL,
	`subject` text NOT NULL,
	`email` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `identities_subject_uq` ON `identities` (`issuer`,`subject`);--> statement-breakpoint
CREATE INDEX `identities_user_ix` ON `identities` (`user_id`);--> statement-breakpoint
CREATE TABLE `workspace_domain_joins` (
	`workspace_id` integer NOT NULL,
	`user_id` integer NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`workspace_id`, `user_id`)
);
--> statement-breakpoint
CREATE TABLE `workspace_domains` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` integer NOT NULL,
	`domain` text NOT NULL,
	`role` text NOT NULL,
	`proof` text NOT NULL,
	`proven_domain` text,
	`proven_by` text,
	`created_at` integer NOT NULL,
	`checked_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `workspace_domains_uq` ON `workspace_domains` (`workspace_id`,`domain`);--> statement-breakpoint
CREATE UNIQUE INDEX `workspace_domains_proven_uq` ON `workspace_domains` (`proven_domain`);