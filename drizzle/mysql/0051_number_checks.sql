CREATE TABLE `number_check_items` (
	`job_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`position` int NOT NULL,
	`written` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`phone` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`state` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`jid` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`checked_at` bigint,
	CONSTRAINT `number_check_items_job_id_position_pk` PRIMARY KEY(`job_id`,`position`)
);
--> statement-breakpoint
CREATE TABLE `number_check_jobs` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`session_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`status` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`total` int NOT NULL,
	`done` int NOT NULL DEFAULT 0,
	`registered` int NOT NULL DEFAULT 0,
	`not_registered` int NOT NULL DEFAULT 0,
	`invalid` int NOT NULL DEFAULT 0,
	`attempts` int NOT NULL DEFAULT 0,
	`claimed_by` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`due_at` bigint,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	`finished_at` bigint,
	CONSTRAINT `number_check_jobs_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `number_check_jobs_user_ix` ON `number_check_jobs` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `number_check_jobs_due_ix` ON `number_check_jobs` (`due_at`,`updated_at`);--> statement-breakpoint
CREATE INDEX `number_check_jobs_created_ix` ON `number_check_jobs` (`created_at`);