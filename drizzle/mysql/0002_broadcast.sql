CREATE TABLE `broadcast_contacts` (
	`list_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`user_id` int NOT NULL,
	`name` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`fields` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`import_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `broadcast_contacts_list_id_phone_pk` PRIMARY KEY(`list_id`,`phone`)
);
--> statement-breakpoint
CREATE TABLE `broadcast_lists` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`name` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`description` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`contact_count` int NOT NULL DEFAULT 0,
	`columns` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`deleted_at` bigint,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `broadcast_lists_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `broadcast_templates` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`name` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`body` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `broadcast_templates_id` PRIMARY KEY(`id`),
	CONSTRAINT `broadcast_templates_name_uq` UNIQUE(`user_id`,`name`)
);
--> statement-breakpoint
CREATE TABLE `campaign_recipients` (
	`campaign_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`position` int NOT NULL,
	`user_id` int NOT NULL,
	`phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`name` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`fields` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`state` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`message_row_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`message_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`variant` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`replied` tinyint NOT NULL DEFAULT false,
	`queued_at` bigint,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `campaign_recipients_campaign_id_position_pk` PRIMARY KEY(`campaign_id`,`position`),
	CONSTRAINT `campaign_recipients_phone_uq` UNIQUE(`campaign_id`,`phone`)
);
--> statement-breakpoint
CREATE TABLE `campaigns` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`name` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`reason_message` varchar(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`active_key` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`list_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`numbers` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`template_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`type` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`content` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`delay_ms` int NOT NULL,
	`options` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`scheduled_at` bigint,
	`time_zone` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`cron` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`origin_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`origin` varchar(32) CHARACTER SET ascii COLLATE ascii_bin,
	`freeze_cursor` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`frozen_at` bigint,
	`total` int NOT NULL DEFAULT 0,
	`feed_position` int NOT NULL DEFAULT 0,
	`feed_fence` bigint,
	`due_at` bigint,
	`settled` int NOT NULL DEFAULT 0,
	`seed` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`created_at` bigint NOT NULL,
	`started_at` bigint,
	`paused_at` bigint,
	`finished_at` bigint,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `campaigns_id` PRIMARY KEY(`id`),
	CONSTRAINT `campaigns_active_uq` UNIQUE(`user_id`,`active_key`)
);
--> statement-breakpoint
CREATE TABLE `contact_import_errors` (
	`import_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`line` int NOT NULL,
	`kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`code` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`value` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	CONSTRAINT `contact_import_errors_import_id_line_pk` PRIMARY KEY(`import_id`,`line`)
);
--> statement-breakpoint
CREATE TABLE `contact_imports` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`list_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`file_name` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`size_bytes` bigint NOT NULL,
	`owner` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`host` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`encoding` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`delimiter` varchar(4) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`columns` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`total_rows` int,
	`done_rows` int NOT NULL DEFAULT 0,
	`added` int NOT NULL DEFAULT 0,
	`updated` int NOT NULL DEFAULT 0,
	`duplicates` int NOT NULL DEFAULT 0,
	`invalid` int NOT NULL DEFAULT 0,
	`repaired` int NOT NULL DEFAULT 0,
	`error_code` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`error_message` varchar(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	`finished_at` bigint,
	CONSTRAINT `contact_imports_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `opt_out_settings` (
	`user_id` int NOT NULL,
	`words` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `opt_out_settings_user_id` PRIMARY KEY(`user_id`)
);
--> statement-breakpoint
CREATE TABLE `opt_outs` (
	`user_id` int NOT NULL,
	`phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`source` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`word` varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`note` varchar(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`message_row_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`import_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`created_at` bigint NOT NULL,
	CONSTRAINT `opt_outs_user_id_phone_pk` PRIMARY KEY(`user_id`,`phone`)
);
--> statement-breakpoint
CREATE INDEX `broadcast_lists_user_ix` ON `broadcast_lists` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `broadcast_lists_deleted_ix` ON `broadcast_lists` (`deleted_at`);--> statement-breakpoint
CREATE INDEX `campaign_recipients_state_ix` ON `campaign_recipients` (`campaign_id`,`state`,`position`);--> statement-breakpoint
CREATE INDEX `campaign_recipients_message_ix` ON `campaign_recipients` (`message_row_id`);--> statement-breakpoint
CREATE INDEX `campaigns_user_ix` ON `campaigns` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `campaigns_account_ix` ON `campaigns` (`account_id`,`status`,`due_at`);--> statement-breakpoint
CREATE INDEX `campaigns_due_ix` ON `campaigns` (`status`,`due_at`);--> statement-breakpoint
CREATE INDEX `campaigns_list_ix` ON `campaigns` (`list_id`);--> statement-breakpoint
CREATE INDEX `contact_imports_user_ix` ON `contact_imports` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `contact_imports_status_ix` ON `contact_imports` (`status`,`created_at`);--> statement-breakpoint
CREATE INDEX `opt_outs_user_ix` ON `opt_outs` (`user_id`,`created_at`,`phone`);