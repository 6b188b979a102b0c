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
CREATE INDEX `otp_numbers_age_ix` ON `otp_numbers` (`updated_at`);--> statement-breakpoint
CREATE INDEX `otps_phone_ix` ON `otps` (`user_id`,`phone`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_user_ix` ON `otps` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_expiry_ix` ON `otps` (`status`,`expires_at`);--> statement-breakpoint
CREATE INDEX `otps_watch_ix` ON `otps` (`watch_at`);--> statement-breakpoint
CREATE INDEX `otps_ended_ix` ON `otps` (`ended_at`,`id`);