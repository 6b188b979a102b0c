CREATE TABLE `alarms` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`open_key` text,
	`kind` text NOT NULL,
	`data` text NOT NULL,
	`began_at` integer NOT NULL,
	`ended_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `alarms_open_uq` ON `alarms` (`open_key`);--> statement-breakpoint
CREATE INDEX `alarms_user_ix` ON `alarms` (`user_id`,`began_at`,`id`);--> statement-breakpoint
CREATE INDEX `alarms_ended_ix` ON `alarms` (`ended_at`);--> statement-breakpoint
CREATE TABLE `alert_channels` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`kinds` text NOT NULL,
	`target` text NOT NULL,
	`secret` text,
	`language` text NOT NULL,
	`status` text NOT NULL,
	`failure` text,
	`last_sent_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `alert_channels_user_ix` ON `alert_channels` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `alert_notices` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`channel_id` text NOT NULL,
	`alarm_id` text NOT NULL,
	`phase` text NOT NULL,
	`state` text NOT NULL,
	`held` integer DEFAULT 0 NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`next_attempt_at` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `alert_notices_once_uq` ON `alert_notices` (`channel_id`,`alarm_id`,`phase`);--> statement-breakpoint
CREATE INDEX `alert_notices_due_ix` ON `alert_notices` (`state`,`next_attempt_at`,`id`);--> statement-breakpoint
CREATE INDEX `alert_notices_channel_ix` ON `alert_notices` (`channel_id`,`state`,`id`);--> statement-breakpoint
CREATE INDEX `alert_notices_alarm_ix` ON `alert_notices` (`alarm_id`);