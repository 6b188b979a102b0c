CREATE TABLE `alarms` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`open_key` varchar(140) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`data` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`began_at` bigint NOT NULL,
	`ended_at` bigint,
	CONSTRAINT `alarms_id` PRIMARY KEY(`id`),
	CONSTRAINT `alarms_open_uq` UNIQUE(`open_key`)
);
--> statement-breakpoint
CREATE TABLE `alert_channels` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`name` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`type` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`kinds` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`target` varchar(2048) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`secret` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`language` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`failure` varchar(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`last_sent_at` bigint,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `alert_channels_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `alert_notices` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`channel_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`alarm_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`phase` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`state` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`held` int NOT NULL DEFAULT 0,
	`attempts` int NOT NULL DEFAULT 0,
	`next_attempt_at` bigint NOT NULL,
	`created_at` bigint NOT NULL,
	CONSTRAINT `alert_notices_id` PRIMARY KEY(`id`),
	CONSTRAINT `alert_notices_once_uq` UNIQUE(`channel_id`,`alarm_id`,`phase`)
);
--> statement-breakpoint
CREATE INDEX `alarms_user_ix` ON `alarms` (`user_id`,`began_at`,`id`);--> statement-breakpoint
CREATE INDEX `alarms_ended_ix` ON `alarms` (`ended_at`);--> statement-breakpoint
CREATE INDEX `alert_channels_user_ix` ON `alert_channels` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `alert_notices_due_ix` ON `alert_notices` (`state`,`next_attempt_at`,`id`);--> statement-breakpoint
CREATE INDEX `alert_notices_channel_ix` ON `alert_notices` (`channel_id`,`state`,`id`);--> statement-breakpoint
CREATE INDEX `alert_notices_alarm_ix` ON `alert_notices` (`alarm_id`);