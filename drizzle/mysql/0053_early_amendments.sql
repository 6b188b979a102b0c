CREATE TABLE `early_amendments` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`target` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`type` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`at` bigint NOT NULL,
	CONSTRAINT `early_amendments_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `early_amendments_target_ix` ON `early_amendments` (`target`,`type`,`at`);