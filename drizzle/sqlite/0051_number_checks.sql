CREATE TABLE `number_check_items` (
	`job_id` text NOT NULL,
	`position` integer NOT NULL,
	`written` text NOT NULL,
	`phone` text,
	`state` text NOT NULL,
	`jid` text,
	`checked_at` integer,
	PRIMARY KEY(`job_id`, `position`)
);
--> statement-breakpoint
CREATE TABLE `number_check_jobs` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`account_id` text NOT NULL,
	`session_id` text NOT NULL,
	`status` text NOT NULL,
	`reason` text,
	`total` integer NOT NULL,
	`done` integer DEFAULT 0 NOT NULL,
	`registered` integer DEFAULT 0 NOT NULL,
	`not_registered` integer DEFAULT 0 NOT NULL,
	`invalid` integer DEFAULT 0 NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`claimed_by` text,
	`due_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`finished_at` integer
);
--> statement-breakpoint
CREATE INDEX `number_check_jobs_user_ix` ON `number_check_jobs` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `number_check_jobs_due_ix` ON `number_check_jobs` (`due_at`,`updated_at`);--> statement-breakpoint
CREATE INDEX `number_check_jobs_created_ix` ON `number_check_jobs` (`created_at`);