CREATE INDEX `messages_chat_ix` ON `messages` (`user_id`,`peer`,`created_at`,`id`);--> statement-breakpoint
DROP INDEX `messages_peer_ix` ON `messages`;
