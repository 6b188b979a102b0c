CREATE TABLE `event_responses` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`event_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`person` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`response` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`guests` int NOT NULL,
	`answered_at` bigint NOT NULL,
	CONSTRAINT `event_responses_account_id_event_id_person_pk` PRIMARY KEY(`account_id`,`event_id`,`person`)
);
--> statement-breakpoint
ALTER TABLE `messages` ADD `pinned_until` bigint;--> statement-breakpoint
ALTER TABLE `messages` ADD `pin_set_at` bigint;--> statement-breakpoint
ALTER TABLE `messages` ADD `starred_at` bigint;--> statement-breakpoint
CREATE INDEX `event_responses_answered_ix` ON `event_responses` (`answered_at`);