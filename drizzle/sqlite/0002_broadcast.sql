CREATE TABLE `broadcast_contacts` (
	`list_id` text NOT NULL,
	`phone` text NOT NULL,
	`user_id` integer NOT NULL,
	`name` text,
	`fields` text NOT NULL,
	`import_id` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`list_id`, `phone`)
);
--> statement-breakpoint
CREATE TABLE `broadcast_lists` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`contact_count` integer DEFAULT 0 NOT NULL,
	`columns` text NOT NULL,
	`deleted_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `broadcast_lists_user_ix` ON `broadcast_lists` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `broadcast_lists_deleted_ix` ON `broadcast_lists` (`deleted_at`);--> statement-breakpoint
CREATE TABLE `broadcast_templates` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`name` text NOT NULL,
	`body` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `broadcast_templates_name_uq` ON `broadcast_templates` (`user_id`,`name`);--> statement-breakpoint
CREATE TABLE `campaign_recipients` (
	`campaign_id` text NOT NULL,
	`position` integer NOT NULL,
	`user_id` integer NOT NULL,
	`phone` text NOT NULL,
	`name` text,
	`fields` text NOT NULL,
	`state` text NOT NULL,
	`reason` text,
	`message_row_id` text,
	`message_id` text,
	`variant` text,
	`replied` integer DEFAULT false NOT NULL,
	`queued_at` integer,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`campaign_id`, `position`)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `campaign_recipients_phone_uq` ON `campaign_recipients` (`campaign_id`,`phone`);--> statement-breakpoint
CREATE INDEX `campaign_recipients_state_ix` ON `campaign_recipients` (`campaign_id`,`state`,`position`);--> statement-breakpoint
CREATE INDEX `campaign_recipients_message_ix` ON `campaign_recipients` (`message_row_id`);--> statement-breakpoint
CREATE TABLE `campaigns` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`account_id` text NOT NULL,
	`session_id` text NOT NULL,
	`name` text NOT NULL,
	`status` text NOT NULL,
	`reason` text,
	`reason_message` text,
	`active_key` text,
	`list_id` text,
	`numbers` text,
	`template_id` text,
	`type` text NOT NULL,
	`content` text NOT NULL,
	`delay_ms` integer NOT NULL,
	`options` text NOT NULL,
	`scheduled_at` integer,
	`time_zone` text,
	`cron` text,
	`origin_id` text,
	`origin` text,
	`freeze_cursor` text,
	`frozen_at` integer,
	`total` integer DEFAULT 0 NOT NULL,
	`feed_position` integer DEFAULT 0 NOT NULL,
	`feed_fence` integer,
	`due_at` integer,
	`settled` integer DEFAULT 0 NOT NULL,
	`seed` text NOT NULL,
	`created_at` integer NOT NULL,
	`started_at` integer,
	`paused_at` integer,
	`finished_at` integer,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `campaigns_active_uq` ON `campaigns` (`user_id`,`active_key`);--> statement-breakpoint
CREATE INDEX `campaigns_user_ix` ON `campaigns` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `campaigns_account_ix` ON `campaigns` (`account_id`,`status`,`due_at`);--> statement-breakpoint
CREATE INDEX `campaigns_due_ix` ON `campaigns` (`status`,`due_at`);--> statement-breakpoint
CREATE INDEX `campaigns_list_ix` ON `campaigns` (`list_id`);--> statement-breakpoint
CREATE TABLE `contact_import_errors` (
	`import_id` text NOT NULL,
	`line` integer NOT NULL,
	`kind` text NOT NULL,
	`code` text NOT NULL,
	`value` text NOT NULL,
	PRIMARY KEY(`import_id`, `line`)
);
--> statement-breakpoint
CREATE TABLE `contact_imports` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`kind` text NOT NULL,
	`list_id` text,
	`session_id` text NOT NULL,
	`status` text NOT NULL,
	`file_name` text,
	`size_bytes` integer NOT NULL,
	`owner` text,
	`host` text NOT NULL,
	`encoding` text,
	`delimiter` text,
	`columns` text,
	`total_rows` integer,
	`done_rows` integer DEFAULT 0 NOT NULL,
	`added` integer DEFAULT 0 NOT NULL,
	`updated` integer DEFAULT 0 NOT NULL,
	`duplicates` integer DEFAULT 0 NOT NULL,
	`invalid` integer DEFAULT 0 NOT NULL,
	`repaired` integer DEFAULT 0 NOT NULL,
	`error_code` text,
	`error_message` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`finished_at` integer
);
--> statement-breakpoint
CREATE INDEX `contact_imports_user_ix` ON `contact_imports` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `contact_imports_status_ix` ON `contact_imports` (`status`,`created_at`);--> statement-breakpoint
CREATE TABLE `opt_out_settings` (
	`user_id` integer PRIMARY KEY NOT NULL,
	`words` text NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `opt_outs` (
	`user_id` integer NOT NULL,
	`phone` text NOT NULL,
	`source` text NOT NULL,
	`word` text,
	`note` text,
	`session_id` text,
	`message_row_id` text,
	`import_id` text,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `phone`)
);
--> statement-breakpoint
CREATE INDEX `opt_outs_user_ix` ON `opt_outs` (`user_id`,`created_at`,`phone`);