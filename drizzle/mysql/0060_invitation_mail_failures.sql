ALTER TABLE `workspace_invitations` ADD `mail_failed_at` bigint;--> statement-breakpoint
ALTER TABLE `workspace_invitations` ADD `mail_failure` varchar(32) CHARACTER SET ascii COLLATE ascii_bin;