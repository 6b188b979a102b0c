CREATE TABLE `mail_outbox` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`address` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`language` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`registration_id` char(32) CHARACTER SET ascii COLLATE ascii_bin,
	`attempts` int NOT NULL DEFAULT 0,
	`next_attempt_at` bigint NOT NULL,
	`give_up_at` bigint NOT NULL,
	`created_at` bigint NOT NULL,
	CONSTRAINT `mail_outbox_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `pending_registrations` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`email` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`name` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`password_hash` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`created_at` bigint NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `pending_registrations_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `mail_outbox_due_ix` ON `mail_outbox` (`next_attempt_at`,`id`);--> statement-breakpoint
CREATE INDEX `pending_registrations_expiry_ix` ON `pending_registrations` (`expires_at`);