ALTER TABLE `workspace_invitations` ADD `mail_failed_at` integer;--> statement-breakpoint
ALTER TABLE `workspace_invitations` ADD `mail_failure` text;