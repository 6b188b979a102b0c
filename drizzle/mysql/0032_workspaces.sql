CREATE TABLE `workspace_invitations` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`workspace_id` int NOT NULL,
	`email` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`role` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`invited_by` int NOT NULL,
	`created_at` bigint NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `workspace_invitations_id` PRIMARY KEY(`id`),
	CONSTRAINT `workspace_invitations_email_uq` UNIQUE(`workspace_id`,`email`)
);
--> statement-breakpoint
CREATE TABLE `workspace_members` (
	`workspace_id` int NOT NULL,
	`user_id` int NOT NULL,
	`role` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `workspace_members_workspace_id_user_id_pk` PRIMARY KEY(`workspace_id`,`user_id`)
);
--> statement-breakpoint
CREATE TABLE `workspaces` (
	`id` int NOT NULL,
	`name` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`links_from` bigint,
	`time_zone` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `workspaces_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `api_keys` ADD `created_by` int;--> statement-breakpoint
ALTER TABLE `users` ADD `workspace_id` int;--> statement-breakpoint
ALTER TABLE `mail_outbox` ADD `invitation_id` char(32) CHARACTER SET ascii COLLATE ascii_bin;--> statement-breakpoint
CREATE INDEX `workspace_invitations_expiry_ix` ON `workspace_invitations` (`expires_at`);--> statement-breakpoint
CREATE INDEX `workspace_members_user_ix` ON `workspace_members` (`user_id`,`workspace_id`);