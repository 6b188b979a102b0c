ALTER TABLE `workspace_invitations` ADD `session_ids` text;--> statement-breakpoint
ALTER TABLE `workspace_members` ADD `session_ids` text;