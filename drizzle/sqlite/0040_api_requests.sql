CREATE TABLE `api_request_bodies` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`request` text,
	`response` text
);
--> statement-breakpoint
CREATE INDEX `api_request_bodies_user_ix` ON `api_request_bodies` (`user_id`,`id`);--> statement-breakpoint
CREATE TABLE `api_requests` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`method` text NOT NULL,
	`route` text NOT NULL,
	`path` text NOT NULL,
	`status` integer NOT NULL,
	`duration_ms` integer NOT NULL,
	`error_code` text,
	`via` text NOT NULL,
	`key_id` text,
	`actor_id` integer NOT NULL,
	`request_id` text NOT NULL,
	`session_id` text,
	`message_id` text,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `api_requests_user_ix` ON `api_requests` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `api_requests_message_ix` ON `api_requests` (`user_id`,`message_id`);--> statement-breakpoint
CREATE INDEX `api_requests_request_ix` ON `api_requests` (`user_id`,`request_id`);--> statement-breakpoint
ALTER TABLE `workspaces` ADD `request_bodies` integer;--> statement-breakpoint
CREATE INDEX `webhook_outbox_activity_ix` ON `webhook_outbox` (`activity_id`);