CREATE TABLE `activity_logs` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`seq` bigint,
	`event` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`subject` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`actor_id` int,
	`ip` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`user_agent` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`request_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`data` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`at` bigint NOT NULL,
	CONSTRAINT `activity_logs_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `api_keys` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`name` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`prefix` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`hash` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`sealed` varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`scopes` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`expires_at` bigint,
	`last_used_at` bigint,
	`created_at` bigint NOT NULL,
	CONSTRAINT `api_keys_id` PRIMARY KEY(`id`),
	CONSTRAINT `api_keys_prefix_uq` UNIQUE(`prefix`)
);
--> statement-breakpoint
CREATE TABLE `counters` (
	`name` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`value` bigint NOT NULL,
	CONSTRAINT `counters_name` PRIMARY KEY(`name`)
);
--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`user_id` int NOT NULL,
	`key` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`hash` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`response_status` int,
	`response` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`created_at` bigint NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `idempotency_keys_user_id_key_pk` PRIMARY KEY(`user_id`,`key`)
);
--> statement-breakpoint
CREATE TABLE `message_queue` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`message_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`recipient` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`priority` int NOT NULL,
	`available_at` bigint NOT NULL,
	`expires_at` bigint,
	`attempts` int NOT NULL DEFAULT 0,
	`claimed_fence` bigint,
	CONSTRAINT `message_queue_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `messages` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`message_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`direction` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`peer` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`lid` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`participant` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`type` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`content` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`priority` int NOT NULL DEFAULT 1,
	`attempts` int NOT NULL DEFAULT 0,
	`error_code` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`error_message` varchar(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`scheduled_at` bigint,
	`expires_at` bigint,
	`queued_at` bigint,
	`sending_at` bigint,
	`sent_at` bigint,
	`delivered_at` bigint,
	`read_at` bigint,
	`failed_at` bigint,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `messages_id` PRIMARY KEY(`id`),
	CONSTRAINT `messages_wire_uq` UNIQUE(`account_id`,`direction`,`message_id`,`peer`)
);
--> statement-breakpoint
CREATE TABLE `processes` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`host` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`pid` int NOT NULL,
	`pid_started_at` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`heartbeat_at` bigint NOT NULL,
	`started_at` bigint NOT NULL,
	CONSTRAINT `processes_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `rate_limits` (
	`key` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`window_start` bigint NOT NULL,
	`count` bigint NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `rate_limits_key` PRIMARY KEY(`key`)
);
--> statement-breakpoint
CREATE TABLE `send_attempts` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`recipient` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`priority` int NOT NULL,
	`at` bigint NOT NULL,
	CONSTRAINT `send_attempts_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `settings` (
	`name` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`value` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `settings_name` PRIMARY KEY(`name`)
);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` int NOT NULL,
	`email` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`name` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`password_hash` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`role` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`token_version` int NOT NULL DEFAULT 0,
	`last_login_at` bigint,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `users_id` PRIMARY KEY(`id`),
	CONSTRAINT `users_email_uq` UNIQUE(`email`)
);
--> statement-breakpoint
CREATE TABLE `wa_contacts` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`lid` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `wa_contacts_account_id_lid_pk` PRIMARY KEY(`account_id`,`lid`)
);
--> statement-breakpoint
CREATE TABLE `wa_credentials` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`key_id` varchar(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`sealed` mediumblob NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `wa_credentials_account_id` PRIMARY KEY(`account_id`)
);
--> statement-breakpoint
CREATE TABLE `wa_keys` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`type` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`name` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`key_id` varchar(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`sealed` mediumblob NOT NULL,
	CONSTRAINT `wa_keys_account_id_type_name_pk` PRIMARY KEY(`account_id`,`type`,`name`)
);
--> statement-breakpoint
CREATE TABLE `wa_quarantine` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`erased_at` bigint NOT NULL,
	CONSTRAINT `wa_quarantine_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `whatsapp_accounts` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`error_message` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`pairing` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`expected_phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`phone_number` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`active_phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`lid` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`name` varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`device_info` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`paired` tinyint NOT NULL DEFAULT false,
	`qr` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`pairing_code` varchar(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`qr_expires_at` bigint,
	`owner` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`fence` bigint NOT NULL DEFAULT 0,
	`seq` bigint NOT NULL DEFAULT 0,
	`limits` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`paused_until` bigint,
	`pause_reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`connected_at` bigint,
	`disconnected_at` bigint,
	`last_seen_at` bigint,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `whatsapp_accounts_id` PRIMARY KEY(`id`),
	CONSTRAINT `accounts_session_uq` UNIQUE(`user_id`,`session_id`),
	CONSTRAINT `accounts_phone_uq` UNIQUE(`user_id`,`active_phone`)
);
--> statement-breakpoint
CREATE TABLE `otp_numbers` (
	`user_id` int NOT NULL,
	`phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`sends` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`last_otp_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `otp_numbers_user_id_phone_pk` PRIMARY KEY(`user_id`,`phone`)
);
--> statement-breakpoint
CREATE TABLE `otp_settings` (
	`user_id` int NOT NULL,
	`allowed_countries` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `otp_settings_user_id` PRIMARY KEY(`user_id`)
);
--> statement-breakpoint
CREATE TABLE `otp_templates` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`name` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`body` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `otp_templates_id` PRIMARY KEY(`id`),
	CONSTRAINT `otp_templates_name_uq` UNIQUE(`user_id`,`name`)
);
--> statement-breakpoint
CREATE TABLE `otps` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`requested_session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`open_phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`reason` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`code_mac` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`sealed` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`length` int NOT NULL,
	`company_name` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`language` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`attempts` int NOT NULL DEFAULT 0,
	`max_attempts` int NOT NULL,
	`last_attempt_at` bigint,
	`message_row_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`message_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`deliveries` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`failover` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`watch_at` bigint,
	`end_user_ip` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`ip` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`user_agent` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`expires_at` bigint NOT NULL,
	`sent_at` bigint,
	`verified_at` bigint,
	`ended_at` bigint,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `otps_id` PRIMARY KEY(`id`),
	CONSTRAINT `otps_open_uq` UNIQUE(`user_id`,`open_phone`)
);
--> statement-breakpoint
CREATE INDEX `activity_user_ix` ON `activity_logs` (`user_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `activity_seq_ix` ON `activity_logs` (`account_id`,`seq`);--> statement-breakpoint
CREATE INDEX `api_keys_user_ix` ON `api_keys` (`user_id`);--> statement-breakpoint
CREATE INDEX `idempotency_keys_expiry_ix` ON `idempotency_keys` (`expires_at`);--> statement-breakpoint
CREATE INDEX `message_queue_due_ix` ON `message_queue` (`account_id`,`status`,`priority`,`available_at`,`id`);--> statement-breakpoint
CREATE INDEX `messages_user_ix` ON `messages` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `messages_account_ix` ON `messages` (`account_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `messages_public_ix` ON `messages` (`message_id`);--> statement-breakpoint
CREATE INDEX `rate_limits_expiry_ix` ON `rate_limits` (`expires_at`);--> statement-breakpoint
CREATE INDEX `send_attempts_ix` ON `send_attempts` (`account_id`,`at`);--> statement-breakpoint
CREATE INDEX `wa_contacts_phone_ix` ON `wa_contacts` (`account_id`,`phone`);--> statement-breakpoint
CREATE INDEX `accounts_owner_ix` ON `whatsapp_accounts` (`owner`);--> statement-breakpoint
CREATE INDEX `otp_numbers_age_ix` ON `otp_numbers` (`updated_at`);--> statement-breakpoint
CREATE INDEX `otps_phone_ix` ON `otps` (`user_id`,`phone`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_user_ix` ON `otps` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_expiry_ix` ON `otps` (`status`,`expires_at`);--> statement-breakpoint
CREATE INDEX `otps_watch_ix` ON `otps` (`watch_at`);--> statement-breakpoint
CREATE INDEX `otps_ended_ix` ON `otps` (`ended_at`,`id`);